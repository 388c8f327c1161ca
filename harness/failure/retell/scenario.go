package retell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/scenario"
)

// An UntoldError says which parts of a failure the format of scenarios has no words for.
type UntoldError struct {
	Parts []string
}

func (e *UntoldError) Error() string {
	return "this failure cannot be retold as a scenario, which has no words for " + strings.Join(e.Parts, "; for ")
}

// Scenario writes a failure as a scenario that package scenario plays: what the clients asked in the smallest run, who crashed, started
// and took over, and which record reached whom, as far as it takes. In a scenario messages arrive in the order in which they were sent
// and disks are immediate, so not every failure can be told. What is written was played: the model refuses a step of it by the rule that
// the run fails by, and, where the mistake is a planted bug, it refuses none without the bug. Commands that it does without are left
// out. The last command is the refused one and shows nothing, so the file passes once the mistake is mended.
//
// Where no such scenario is found, the file says in comments alone what could not be told, and so does the *UntoldError returned.
func Scenario(ctx context.Context, w io.Writer, s harness.System, e *why.Explanation) error {
	steps, bare, err := retold(ctx, s, e)
	var untold *UntoldError
	if err != nil && !errors.As(err, &untold) {
		return err
	}
	var b bytes.Buffer
	for _, l := range Story(e) {
		fmt.Fprintln(&b, strings.TrimRight("# "+l, " "))
	}
	b.WriteString("#\n")
	if untold != nil {
		b.WriteString("# This failure cannot be retold as a scenario, which has no words for\n")
		for _, p := range untold.Parts {
			fmt.Fprintf(&b, "# - %s\n", line(p))
		}
		_, wrote := w.Write(b.Bytes())
		return errors.Join(err, wrote)
	}
	b.WriteString("# The model refuses a step of the last command while the mistake is there. ")
	if bare {
		b.WriteString("What the others show was recorded without it.\n")
	} else {
		b.WriteString("What the others show was recorded with it: where\n# mending changes that, too, it has to be recorded anew.\n")
	}
	for i := range steps {
		b.WriteString("\n" + steps[i].String())
	}
	_, err = w.Write(bytes.ReplaceAll(b.Bytes(), []byte("\n\n\n"), []byte("\n\n")))
	return err
}

// mostPlayed bounds how many commands are played to retell one failure: a smallest run has a dozen, and each search for it some thousands.
const mostPlayed = 30_000

// A played is how a scenario ended.
type played struct {
	at    int    // the index of the command that failed, -1 where none did
	rule  string // that refused a step
	pages bool   // or copies of a page differ; neither where something else went wrong
	shown []string
}

// play plays commands. A node may panic: that is an outcome like others.
func play(of aurora.Implementation, steps []scenario.Step) (p played) {
	e := scenario.New(of)
	i := 0
	defer func() {
		if recover() != nil {
			p.at = i
			return
		}
		e.Close()
	}()
	judge := func(err error) {
		var refused *conform.Violation
		var differ *scenario.PageError
		switch p.at = i; {
		case errors.As(err, &refused):
			p.rule = refused.Rule
		case errors.As(err, &differ):
			p.pages = true
		}
	}
	for ; i < len(steps); i++ {
		shown, err := e.Do(fmt.Sprintf("command %d", i+1), steps[i].Line, steps[i].Input)
		if err != nil {
			judge(err)
			return p
		}
		p.shown = append(p.shown, shown)
	}
	if err := e.Finish(); err != nil {
		i = len(steps) - 1
		judge(err)
		return p
	}
	p.at = -1
	return p
}

// A search looks for a scenario that fails as the run does.
type search struct {
	ctx    context.Context
	of     aurora.Implementation
	x      *why.Explanation
	played int // commands
}

// same tells whether commands fail as the run does, and up to which.
func (s *search) same(steps []scenario.Step) (last int, is bool) {
	if s.played >= mostPlayed || s.ctx.Err() != nil {
		return 0, false
	}
	s.played += len(steps)
	p := play(s.of, steps)
	if t := s.x.What.Target; !(t.Check == faults.Trace && p.rule != "" && p.rule == t.Rule || t.Check == faults.Pages && p.pages) {
		return 0, false
	}
	if s.x.Configuration.Bug != "" {
		// What the nodes do without the bug shows what the bug does.
		s.played += p.at + 1
		if sound := play(s.of, without(steps[:p.at+1])); sound.at >= 0 {
			return 0, false
		}
	}
	return p.at, true
}

// without returns the commands without the planted bug.
func without(steps []scenario.Step) []scenario.Step {
	sound := slices.Clone(steps)
	for i := range sound {
		if line, _, planted := strings.Cut(sound[i].Line, " bug="); planted && strings.HasPrefix(line, "volume") {
			sound[i].Line = line
		}
	}
	return sound
}

// retold finds the scenario, and tells whether what it shows is what nodes without the mistake show.
func retold(ctx context.Context, s harness.System, x *why.Explanation) (steps []scenario.Step, bare bool, err error) {
	of, is := aurora.Implements(s)
	if !is {
		return nil, false, &UntoldError{[]string{fmt.Sprintf("the nodes of %s: it plays those of a volume, such as %s has", s.Name(), aurora.Name)}}
	}
	if t := x.What.Target.Check; t != faults.Trace && t != faults.Pages {
		return nil, false, &UntoldError{append([]string{fmt.Sprintf("the check %s: it is held against the model step by step (check %s), and its pages against each other (check %s)", t, faults.Trace, faults.Pages)}, unsaid(x)...)}
	}
	d, err := draftOf(s, x)
	if err != nil {
		return nil, false, err
	}
	found := search{ctx: ctx, of: of, x: x}
	for _, v := range variants() {
		all := d.commands(v)
		if last, same := found.same(all); same {
			steps = found.smaller(all[:last+1])
			steps, bare = found.record(steps)
			return steps, bare, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	parts := unsaid(x)
	if found.played >= mostPlayed {
		parts = append(parts, fmt.Sprintf("so long a run: not every way to tell it was tried within %d commands", mostPlayed))
	}
	if len(parts) == 0 {
		parts = []string{"the order in which messages arrived and disks were done: in a scenario they come in the order in which they were sent, and at once"}
	}
	return nil, false, &UntoldError{parts}
}

// unsaid lists what of the smallest run no command can say.
func unsaid(x *why.Explanation) []string {
	var parts []string
	add := func(format string, args ...any) {
		if p := fmt.Sprintf(format, args...); !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	for _, f := range x.Configuration.Plan.Faults {
		switch f.Kind {
		case faults.Crash, faults.CrashWhen, faults.PowerLossAZ, faults.TakeOver, faults.FailOver, faults.Promote:
		case faults.Partition, faults.PartitionOneWay, faults.AZCutOff, faults.Loss:
			add("messages that are lost between some nodes and pass between others (%s): it says which records reach whom, and who is cut off from all", f.Kind)
		case faults.CrashAtPoint:
			add("a crash in the middle of a step (%s at %s)", f.Kind, f.Point)
		case faults.DiskCorrupt:
			add("where a disk rots (%s)", f.Kind)
		case faults.Delay, faults.Reorder, faults.Duplicate, faults.Pause, faults.ClockSlow, faults.ClockJump, faults.DiskSlow, faults.Throttle:
			add("when something arrives or is done (%s)", f.Kind)
		default:
			add("the fault %s", f.Kind)
		}
	}
	return parts
}

// smaller leaves out commands, more at a time first, for as long as what is left fails as the run does; then it makes the volume
// smaller, and puts lines of a transaction that follow each other below one command.
func (s *search) smaller(steps []scenario.Step) []scenario.Step {
	for size := max(1, len(steps)/2); ; {
		gone := false
		for from := 1; from < len(steps); {
			to := min(from+size, len(steps))
			fewer := slices.Concat(steps[:from], steps[to:])
			if last, same := s.same(fewer); same {
				steps, gone = fewer[:last+1], true
			} else {
				from = to
			}
		}
		if size == 1 && !gone {
			break
		}
		size = max(1, size/2)
	}
	try := func(change func([]scenario.Step) []scenario.Step) {
		if other := change(slices.Clone(steps)); other != nil {
			if last, same := s.same(other); same {
				steps = other[:last+1]
			}
		}
	}
	for _, c := range [][2]string{{"groups", "1"}, {"readers", ""}, {"tails", ""}, {"spares", ""}, {"in-use", ""}, {"group-pages", ""}, {"page-size", ""}} {
		try(func(all []scenario.Step) []scenario.Step {
			all[0].Line = changed(all[0].Line, c[0], c[1])
			return all
		})
	}
	try(func(all []scenario.Step) []scenario.Step {
		for _, c := range [][2]string{{"replicas", "3"}, {"write-quorum", "2"}, {"read-quorum", "2"}} {
			all[0].Line = changed(all[0].Line, c[0], c[1])
		}
		return all
	})
	try(plainer)
	for i := len(steps) - 1; i > 0; i-- {
		try(func(all []scenario.Step) []scenario.Step {
			if i >= len(all) || all[i].Input == "" || all[i].Line != all[i-1].Line {
				return nil
			}
			all[i-1].Input += all[i].Input
			return slices.Delete(all, i, i+1)
		})
	}
	return steps
}

// plainer gives transactions, keys and values short names.
func plainer(all []scenario.Step) []scenario.Step {
	names, keys, values := map[string]string{}, map[string]string{}, map[string]string{}
	short := func(of map[string]string, letter, long string) string {
		if of[long] == "" {
			of[long] = fmt.Sprint(letter, len(of)+1)
		}
		return of[long]
	}
	for i := range all {
		words := strings.Fields(all[i].Line)
		if words[0] != "txn" {
			continue
		}
		words[1] = short(names, "t", words[1])
		all[i].Line = strings.Join(words, " ")
		var lines string
		for l := range strings.Lines(all[i].Input) {
			fields := strings.Fields(l)
			for j := 1; j < len(fields); j++ {
				key, value, pair := strings.Cut(fields[j], "=")
				switch {
				case fields[0] == "put" && pair:
					fields[j] = short(keys, "k", key) + "=" + short(values, "", value)
				case fields[0] == "get" || fields[0] == "delete":
					fields[j] = short(keys, "k", key)
				}
			}
			lines += strings.Join(fields, " ") + "\n"
		}
		all[i].Input = lines
	}
	return all
}

// changed returns the line of a volume with another value of a key; an empty one leaves the key out.
func changed(line, key, value string) string {
	fields := strings.Fields(line)
	i := slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, key+"=") })
	switch {
	case i < 0:
	case value == "":
		fields = slices.Delete(fields, i, i+1)
	default:
		fields[i] = key + "=" + value
	}
	return strings.Join(fields, " ")
}

// record notes what the commands show before the last one, which is to show nothing. Where the mistake is a planted bug, they show what
// the nodes show without it; from the first one on that the bug changes, they show nothing.
func (s *search) record(steps []scenario.Step) (all []scenario.Step, bare bool) {
	last := len(steps) - 1
	shown := play(s.of, steps).shown
	if s.x.Configuration.Bug != "" {
		bare = true
		sound := play(s.of, without(steps)).shown
		for i := range shown[:last] {
			if i >= len(sound) || sound[i] != shown[i] {
				last = i
				break
			}
		}
	}
	for i, c := range steps {
		if i == last {
			all = append(all, scenario.Step{Line: "quiet"})
		}
		if i < last {
			c.Want = shown[i]
		}
		all = append(all, c)
	}
	return all, bare
}
