"""The colours of models: told apart by everybody, on light and on dark, and the same for a model everywhere."""

import hashlib
from collections.abc import Sequence

# What models beyond the largest are drawn as together.
OTHER = "Other models"
# Searched for the largest smallest distance (OKLab) as seen with normal sight and with full protanopia, deuteranopia and
# tritanopia (Machado 2009): 0.097, where Okabe and Ito's seven have 0.076; each at least 2:1 against both of our backgrounds.
PALETTE = ("#3F8F70", "#E6A3AA", "#1A5998", "#A0B747", "#47B5FA", "#A26BC3", "#C26E12", "#6D541B")
GREY = "#9A9C94"
# How answers end: what went well in grey, so that the rest is seen.
ENDED = {"Complete": GREY, "Stopped by you": PALETTE[4], "Failed": PALETTE[6], "Interrupted": PALETTE[5]}

# How tool calls end, in the same colours.
CALLS_ENDED = {"Done": GREY, "Stopped": PALETTE[4], "Failed": PALETTE[6], "Declined": PALETTE[5]}
# How full a window was: enough room, nearly full, full.
FULLNESS = {"Room left": GREY, "From 80%": PALETTE[1], "From 95%": PALETTE[6]}


def colours(models: Sequence[str]) -> dict[str, str]:
    """A colour for each model name. A name asks for the colour of its hash and takes the next free one if another name,
    earlier in the alphabet, has it; with more names than colours they start again."""
    taken: dict[str, str] = {}
    for model in sorted(set(models)):
        wanted = int.from_bytes(hashlib.sha256(model.encode()).digest()[:4]) % len(PALETTE)
        used = list(taken.values())[len(taken) // len(PALETTE) * len(PALETTE) :]
        turn = [PALETTE[(wanted + step) % len(PALETTE)] for step in range(len(PALETTE))]
        taken[model] = next(colour for colour in turn if colour not in used)
    return taken


def shown_colours(domain: Sequence[str], known_models: Sequence[str]) -> list[str]:
    """Each shown model's own colour; two with the same are told apart by giving the later one a free colour."""
    own = colours([*known_models, *(model for model in domain if model != OTHER)])
    given: dict[str, str] = {}
    for model in sorted(domain):
        free = [colour for colour in PALETTE if colour not in given.values()]
        given[model] = GREY if model == OTHER else own[model] if own[model] in free or not free else free[0]
    return [given[model] for model in domain]
