"""The wallet (证照夹): where holders keep, show, lend and download their licences in a browser; what it does a host app does too (docs/holder.md)."""
