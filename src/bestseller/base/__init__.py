"""What every part stands on: errors, files, progress, the device."""
