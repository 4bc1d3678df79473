"""The commands of `kubectl leadsman`, a module each; `cli.table` names them."""
