"""Tables, one file a noun: functions over a connection, run by `Database.run`, one transaction each."""
