"""The Open Inference Protocol over gRPC; loaded once HTTP is served, for it takes its time."""
