package command

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/fleet"
	"github.com/firstgap/firstgap/harness/campaign/fuzz"
	"github.com/firstgap/firstgap/harness/campaign/job"
)

// serverVariable is where a worker finds its server when it is not told: a URL with a password is no argument that others should see.
const serverVariable = "NATS_URL"

// workerCommand is firstgap worker: its flags.
type workerCommand struct {
	systems []harness.System
	o       fleet.WorkerOptions
}

func newWorker(systems []harness.System) *cobra.Command {
	c := workerCommand{systems: systems}
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "make runs for a campaign that another process leads",
		Long: fmt.Sprintf(`worker makes the runs of a campaign that firstgap fuzz leads with --listen, or with the same --server, on this machine or another.
Any number of workers join and leave as they like. A worker needs the build that leads the campaign, and is refused otherwise.

It ends when the campaign has ended. Ctrl-C and SIGTERM end it earlier, after the runs that it has begun; what it does not come to the end
of within --grace is for others.

Without --server it takes the URL from the variable %s.

systems: %s
exit codes: 0 the campaign has ended or the worker was told to leave, 2 it could not work`, serverVariable, described(systems)),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&c.o.Server, "server", "", "the URL of the campaign's NATS server, such as nats://user:password@host:4222")
	loginFlags(f, &c.o.Login)
	f.StringVar(&c.o.Name, "name", fleet.DefaultName, "the campaign's name on the server")
	f.IntVar(&c.o.Workers, "workers", 0, "how many runs at a time (default: one on each core)")
	f.StringVar(&c.o.ID, "id", "", "the worker's name in the campaign's lines (default: that of the machine and the process)")
	f.DurationVar(&c.o.Wait, "wait", time.Minute, "go on for so long without a server or a campaign")
	f.DurationVar(&c.o.Grace, "grace", 20*time.Second, "how long runs may go on that were begun when the worker is told to leave; 0 is as long as they take")
	return cmd
}

func (c *workerCommand) run(cmd *cobra.Command) error {
	o := c.o
	if o.Server == "" {
		o.Server = os.Getenv(serverVariable)
	}
	switch {
	case o.Server == "":
		return fmt.Errorf("--server is missing, and so is %s; expected the URL of the campaign's server", serverVariable)
	case o.Workers < 0:
		return fmt.Errorf("--workers is %d; expected no negative number", o.Workers)
	case o.Wait < 0:
		return fmt.Errorf("--wait is %v; expected no negative time", o.Wait)
	case o.Grace < 0:
		return fmt.Errorf("--grace is %v; expected no negative time", o.Grace)
	case o.Workers == 0:
		o.Workers = runtime.GOMAXPROCS(0)
	}
	collectForFuzz(o.Workers)
	say := func(line string) { fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", cmd.CommandPath(), line) }
	o.Say = say
	maker := fuzz.NewWorker(c.systems, o.Workers)
	o.Accept = func(campaign json.RawMessage) error {
		err := maker.Accept(campaign)
		if err == nil {
			say(fmt.Sprintf("works for the campaign, %d runs at a time", o.Workers))
		}
		return err
	}
	var done atomic.Uint64
	o.Do = func(ctx context.Context, j job.Job) job.Outcome {
		defer done.Add(1)
		return maker.Do(ctx, j)
	}
	err := fleet.Work(cmd.Context(), o)
	if err == nil {
		say(fmt.Sprintf("leaves after %d runs", done.Load()))
	}
	return err
}
