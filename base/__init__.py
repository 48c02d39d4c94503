"""What the languages stand on: findings, errors, and writing a file whole or not at all."""
