"""What a rollout would do: the production judge, and the rules of others, on traffic to come."""
