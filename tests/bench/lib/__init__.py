# SPDX-License-Identifier: MIT
"""What the benchmarks share: files, processes, the servers side by side, the figures, the table."""
