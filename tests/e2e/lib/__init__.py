# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: certificates, the gateway as a process, a raw client, a scripted
upstream. Standard library only, but for python3-cryptography in certs.py."""
