package command

import (
	"github.com/spf13/pflag"

	"github.com/firstgap/firstgap/harness/campaign/fleet"
)

// queueFlags are those of a campaign's queue.
func queueFlags(f *pflag.FlagSet, q *fleet.Options) {
	f.StringVar(&q.Server, "server", "", "the URL of a NATS server with JetStream, in the place of the one in this process")
	f.StringVar(&q.Listen, "listen", "", "the address on which the server in this process takes workers of other processes")
	f.StringVar(&q.Config, "nats-config", "", "a configuration file of nats-server, for the server in this process")
	f.StringVar(&q.Name, "name", fleet.DefaultName, "the campaign's name on the server")
	f.BoolVar(&q.Replace, "replace", false, "end another campaign that the server holds under this name")
	f.DurationVar(&q.Lease, "lease", fleet.DefaultLease, "how long a run belongs to a worker that gives no sign of life")
	f.DurationVar(&q.Wait, "wait", 0, "go on for so long without the server (default: it must be there at the start, and may be away for any time later)")
	loginFlags(f, &q.Login)
}

// loginFlags are those by which a process shows a server who it is.
func loginFlags(f *pflag.FlagSet, l *fleet.Login) {
	f.StringVar(&l.Credentials, "creds", "", "the credentials file for the server")
	f.StringVar(&l.NKey, "nkey", "", "the NKey seed file for the server")
	f.StringVar(&l.CA, "tls-ca", "", "the certificates that sign the server's")
	f.StringVar(&l.Cert, "tls-cert", "", "this side's certificate")
	f.StringVar(&l.Key, "tls-key", "", "this side's key")
	f.BoolVar(&l.Insecure, "insecure", false, "take a server without authentication on an address that other machines reach")
}
