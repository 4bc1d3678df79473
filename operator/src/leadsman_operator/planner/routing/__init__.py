"""How a gateway splits the traffic: what its routes say, what they should, what is in the way."""
