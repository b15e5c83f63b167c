"""What a catalogue is: the product record, the raw data that it is kept in."""
