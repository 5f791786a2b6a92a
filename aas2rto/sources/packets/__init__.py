"""What an alert packet says, whoever sent it: ZTF, LSST and the brokers' added values."""
