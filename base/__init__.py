"""What the three languages stand on: findings, errors, and writing a file whole or not at all."""
