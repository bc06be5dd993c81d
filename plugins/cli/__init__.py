"""The commands of the plugins, registered as entry points `relucid.commands`; importing one imports no plugin."""
