package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of what a script may ask for. Addresses are given so that they fit: see stage.
const (
	maxLine     = 1 << 12 // bytes of a command's line
	maxInput    = 1 << 16 // bytes below it
	maxGroups   = 9
	maxReplicas = 9
	maxTimes    = 10_000 // rounds of ticks
	maxFill     = 10_000 // LSN
	maxLSN      = 1 << 30
	maxValue    = 1 << 16   // bytes of a value that is repeated
	maxSteps    = 100_000   // messages and completions after which a command does not come to rest
	maxAhead    = 1_000_000 // LSNs by which a writer may be ahead of its VDL
)

// An Error is a command that could not be carried out: something of it is wrong, or Err says what happened.
type Error struct {
	At      string // "file:line" of the command
	Command string // its name
	What    string // what is wrong of it: an argument, a name, a line below it
	Found   string
	Want    string
	Err     error // what happened, where the command is not to blame; the other fields but At and Command are empty then
}

func (e *Error) Error() string {
	where := e.At + ": " + e.Command
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", where, e.Err)
	}
	return fmt.Sprintf("%s: %s: found %q, want %s", where, e.What, e.Found, e.Want)
}

func (e *Error) Unwrap() error { return e.Err }

// A command is one that scripts may use.
type command struct {
	name        string
	least, most int      // words
	keys        []string // of key=value
	lines       bool     // it has lines below it
	run         func(*stage, *call) error
}

const many = 1000

// commands lists all of them. The package's documentation says what each does.
func commands() []command {
	return []command{
		{name: "volume", keys: []string{"groups", "replicas", "write-quorum", "read-quorum", "page-size", "spares", "in-use", "group-pages", "tails", "readers", "bug"}},
		{name: "start", run: (*stage).cmdStart},
		{name: "take-over", run: (*stage).cmdTakeOver},
		{name: "promote", least: 1, most: 1, run: (*stage).cmdPromote},
		{name: "txn", least: 1, most: 1, keys: []string{"at"}, lines: true, run: (*stage).cmdTxn},
		{name: "read", least: 1, most: many, keys: []string{"via"}, run: (*stage).cmdRead},
		{name: "fill", keys: []string{"through"}, run: (*stage).cmdFill},
		{name: "reach", least: 1, most: many, keys: []string{"lsn"}, run: (*stage).cmdReach},
		{name: "lose", least: 1, most: many, run: (*stage).cmdLose},
		{name: "cut-off", least: 1, most: many, run: (*stage).cmdCutOff},
		{name: "heal", most: many, run: (*stage).cmdHeal},
		{name: "crash", least: 1, most: many, run: (*stage).cmdCrash},
		{name: "restart", least: 1, most: many, run: (*stage).cmdRestart},
		{name: "corrupt", least: 1, most: 1, keys: []string{"byte"}, run: (*stage).cmdCorrupt},
		{name: "hold", least: 1, most: many, run: (*stage).cmdHold},
		{name: "release", least: 1, most: many, run: (*stage).cmdRelease},
		{name: "tick", most: many, keys: []string{"times"}, run: (*stage).cmdTick},
		{name: "log", keys: []string{"from"}, run: (*stage).cmdLog},
		{name: "status", run: (*stage).cmdStatus},
		{name: "members", run: (*stage).cmdMembers},
		{name: "quiet", run: (*stage).cmdQuiet},
		{name: "pages", run: (*stage).cmdPages},
	}
}

// A call is a command with its arguments.
type call struct {
	at, name string
	command  command
	words    []string
	values   map[string]string
	lines    []string // below it, without what is empty
	wrong    *Error   // the first argument that does not read
}

// parse reads a command and refuses what it does not take.
func parse(at, line, input string) (*call, error) {
	fields := strings.Fields(line)
	c := &call{at: at, values: map[string]string{}}
	switch {
	case len(fields) == 0:
		return nil, c.object("the line", "", "a command")
	case len(line) > maxLine:
		return nil, c.object("the line", fmt.Sprintf("%d bytes", len(line)), fmt.Sprintf("at most %d", maxLine))
	}
	c.name = fields[0]
	all := commands()
	i := slices.IndexFunc(all, func(x command) bool { return x.name == c.name })
	if i < 0 {
		var names []string
		for _, x := range all {
			names = append(names, x.name)
		}
		return nil, c.object("the name", c.name, "one of "+strings.Join(names, ", "))
	}
	c.command = all[i]
	for _, f := range fields[1:] {
		key, value, pair := strings.Cut(f, "=")
		_, twice := c.values[key]
		switch {
		case !pair:
			c.words = append(c.words, f)
		case !slices.Contains(c.command.keys, key):
			return nil, c.object("a key", key, "one of "+orNone(c.command.keys))
		case twice:
			return nil, c.object("a key", f, "each of them once")
		default:
			c.values[key] = value
		}
	}
	if n := len(c.words); n < c.command.least || n > c.command.most {
		return nil, c.object("words", strings.Join(c.words, " "), c.command.wants())
	}
	for l := range strings.Lines(input) {
		if l = strings.TrimSpace(l); l != "" {
			c.lines = append(c.lines, l)
		}
	}
	switch {
	case len(input) > maxInput:
		return nil, c.object("the lines below", fmt.Sprintf("%d bytes", len(input)), fmt.Sprintf("at most %d", maxInput))
	case len(c.lines) > 0 && !c.command.lines:
		return nil, c.object("a line below", c.lines[0], "none")
	case len(c.lines) == 0 && c.command.lines:
		return nil, c.object("the lines below", "", "at least one")
	}
	return c, nil
}

func (c *command) wants() string {
	switch {
	case c.most == 0:
		return "no word"
	case c.most == 1:
		return "one word"
	}
	return fmt.Sprintf("%d or more", c.least)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// object returns the error that says what is wrong, and keeps the first.
func (c *call) object(what, found, want string) *Error {
	e := &Error{At: c.at, Command: c.name, What: what, Found: found, Want: want}
	if c.wrong == nil {
		c.wrong = e
	}
	return e
}

// number reads a number from low to high, and keeps the error of one that is none in wrong.
func (c *call) number(key string, otherwise, low, high int) int {
	text, given := c.values[key]
	if !given {
		return otherwise
	}
	return c.count(key, text, low, high)
}

func (c *call) count(what, text string, low, high int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		c.object(what, text, fmt.Sprintf("a number from %d to %d", low, high))
	}
	return n
}

// must is number for a key that has to be there.
func (c *call) must(key string, low, high int) int {
	if _, given := c.values[key]; !given {
		c.object(key, "", fmt.Sprintf("a number from %d to %d", low, high))
	}
	return c.number(key, low, low, high)
}

// ok returns what is wrong of the arguments that were read.
func (c *call) ok() error {
	if c.wrong == nil {
		return nil
	}
	return c.wrong
}
