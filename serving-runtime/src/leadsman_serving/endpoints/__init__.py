"""The routes that predict, a module for each protocol."""
