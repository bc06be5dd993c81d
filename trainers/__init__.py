"""Networks, data and recipes behind the numbers and files relucid shows; no analysis needs them."""
