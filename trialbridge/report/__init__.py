"""What a person reads in the terminal: tables and lists made with rich."""
