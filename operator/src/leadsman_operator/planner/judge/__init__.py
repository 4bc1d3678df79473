"""The judge: request counts become evidence, and evidence becomes a verdict."""
