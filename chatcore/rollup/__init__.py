"""A copy of what the analytics count, in arrays by person and day: made in the background, never behind the tables. It knows
no pandas, so a server that shows no numbers does not load it."""
