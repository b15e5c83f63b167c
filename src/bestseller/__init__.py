"""Product designs that customers are likely to prefer, from a catalogue and its sales."""
