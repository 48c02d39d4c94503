"""The web service: the conversions and checks over HTTP (`trialbridge serve`)."""
