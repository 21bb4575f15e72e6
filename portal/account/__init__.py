"""What every person sees and does about the own account: pages under /account/, and the dashboard."""
