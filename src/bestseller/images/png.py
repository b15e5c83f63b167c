"""The chunks of a PNG file: what a picture does not need may spoil it for its decoder."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXT = (b"tEXt", b"zTXt", b"iTXt")


def without_text(data: bytes) -> bytes:
    """Drop the text of a PNG file: editors' histories of megabytes, and notes with wrong sums.

    Returns:
        The same bytes where there is none; what is no PNG, and what follows a broken chunk, stays.
    """
    if not data.startswith(SIGNATURE):
        return data
    kept, at = [SIGNATURE], len(SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        if data[at + 4 : at + 8] not in TEXT:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])
