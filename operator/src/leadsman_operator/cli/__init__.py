"""What people run at a terminal or in a pipeline; nothing here touches a cluster."""
