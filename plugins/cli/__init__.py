"""The commands of the plugins, registered under `relucid.commands`; importing one loads no plugin."""
