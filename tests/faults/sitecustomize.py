"""Watch the points of every process that has this folder, and the one above, on its PYTHONPATH.

Python imports this file by its name.
"""

from faults.points import watch

watch()
