"""The desk (服务台): where people of a department work, by the rights of their roles (docs/desk.md)."""
