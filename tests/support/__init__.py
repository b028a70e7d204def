"""What tests share: a look through /proc, and waiting for a condition with a bound."""
