-- Publishing a version judges the installations of that app in every account.
CREATE INDEX installation_managed_app ON installation (app_id) WHERE managed;
