#!/usr/bin/env bash
# Gradescope runs this once, as root, when the autograder's image is built: what it takes to build and run submissions.
set -euo pipefail
apt-get update
apt-get install -y bubblewrap python3 nodejs npm golang
npm install --global typescript
# The zip that is uploaded has firstgap, built for linux/amd64, and the course's secret beside this file.
install -m 755 /autograder/source/firstgap /usr/local/bin/firstgap
# Students' programs run as another user; nobody but root reads the secret.
chmod 600 /autograder/source/secret
