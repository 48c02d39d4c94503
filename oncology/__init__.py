"""What the trial computes, from SDTM tables alone: response, progression, toxicity."""
