"""What every other package uses: errors, files, progress bars, the device."""
