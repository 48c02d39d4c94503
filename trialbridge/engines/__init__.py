"""Other engines that check a study, run beside ours as programs of their own."""
