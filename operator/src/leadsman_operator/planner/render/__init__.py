"""From decisions to full manifests, such as server-side apply takes them."""
