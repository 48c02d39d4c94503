"""The web service: the conversions and checks over HTTP (`trialbridge serve`).

`app.create(settings)` makes the ASGI application. Requests are spooled to disk, worked on in processes of their own
under limits of size, time and number, and answered from disk; every error is an OperationOutcome.
"""
