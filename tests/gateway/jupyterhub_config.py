"""The JupyterHub under test. It is read by jupyterhub; its parameters come in DGW_HUB."""

import json
import os

given = json.loads(os.environ["DGW_HUB"])
service = given["service"]

c = get_config()  # noqa: F821
c.JupyterHub.bind_url = given["public_url"]
c.JupyterHub.hub_bind_url = given["hub_url"]
c.ConfigurableHTTPProxy.api_url = given["proxy_api_url"]
c.ConfigurableHTTPProxy.command = given["proxy_command"]
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"

# Nobody signs in by a browser here; users exist to have tokens.
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.Authenticator.allowed_users = set(given["users"])

c.JupyterHub.services = [service, {"name": "launcher", "api_token": given["admin_token"]}]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", f"access:services!service={service['name']}"]},
    {"name": "launcher", "scopes": ["list:users", "tokens"], "services": ["launcher"]},
]
