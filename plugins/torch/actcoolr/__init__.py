"""ActCooLR: learning rates that follow a falling activation pattern temperature."""
