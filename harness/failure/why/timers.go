package why

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

// timers says what the timers of a role are for. Of a role that is not ours nothing but a timer's number is known.
var timers = map[string]map[node.Timer]string{
	"segment":  {1: "gossip timer fire, to ask a peer for what it may lack", 2: "coalesce timer fire, to turn log into pages", 3: "backup timer fire, to see whether there is something to back up", 4: "scrub timer fire, to verify a piece of its disk"},
	"writer":   {1: "retry timer fire, to ask again for what is not answered", 2: "hedge timer fire, to ask a second segment for a page that is late"},
	"reader":   {1: "retry timer fire, to ask again for what is not answered"},
	"monitor":  {1: "monitor timer fire, to ask all segments whether they are alive"},
	"database": {1: "tick fire, to flush pages and to end what is idle", 2: "copy timer fire, to copy its disk to the object store"},
	"primary":  {1: "tick fire, to flush pages and to end what is idle"},
	"standby":  {1: "tick fire, to see whether the primary is still heard of"},
	"pair":     {1: "tick fire, to flush pages, or to see whether the primary is still heard of"},
	"front":    {1: "retry timer fire, to ask again for what is not answered"},
	"client":   caller,
	"prober":   caller,
	"auditor":  caller,
}

var caller = map[node.Timer]string{1: "think timer fire, to begin its next call", 2: "deadline fire: an answer may be overdue"}

// timerWords says that a timer of a node of that name fired.
func timerWords(name string, t node.Timer) string {
	role := strings.TrimRight(name, "0123456789/ ")
	if words := timers[role][t]; words != "" {
		return "had its " + words
	}
	return fmt.Sprintf("had its timer %d fire", t)
}
