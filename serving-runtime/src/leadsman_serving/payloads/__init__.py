"""The log of payloads: a sample of requests and answers, posted as CloudEvents."""
