package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/verdict"
)

// Format names the JSON form of a Report.
const Format = "firstgap compare"

// A Report is what all designs were measured at, and whether the differences point where the sources say.
type Report struct {
	Format  string   `json:"format"`
	Options Options  `json:"options"`
	Results []Result `json:"results"`
	Claims  []Claim  `json:"claims"`
	Paper   Paper    `json:"paper"`
}

// A Claim is a difference between designs that the sources give a reason for. Only its direction counts.
type Claim struct {
	Claim string `json:"claim"`
	Holds bool   `json:"holds"`
	Found string `json:"found"`
}

// Paper is table 1 of the Aurora paper (SIGMOD 2017 §3.2): what its authors measured, on other machines and with another
// workload. It stands beside our figures, and is compared with nothing.
type Paper struct {
	Source            string  `json:"source"`
	MySQLTransactions int     `json:"mysqlTransactions"`
	MySQLIOs          float64 `json:"mysqlIOs"` // of a transaction
	Transactions      int     `json:"auroraTransactions"`
	IOs               float64 `json:"auroraIOs"`
}

// Table1 returns the paper's table.
func Table1() Paper {
	return Paper{Source: "SIGMOD 2017, table 1: SysBench write-only, 30 minutes",
		MySQLTransactions: 780_000, MySQLIOs: 7.4, Transactions: 27_378_000, IOs: 0.95}
}

// Violated tells whether a claim does not hold.
func (r *Report) Violated() bool {
	for _, c := range r.Claims {
		if !c.Holds {
			return true
		}
	}
	return false
}

// Verdict returns pass or violation.
func (r *Report) Verdict() verdict.Verdict {
	if r.Violated() {
		return verdict.Violation
	}
	return verdict.Pass
}

func (r *Report) of(design string) *Result {
	for i := range r.Results {
		if r.Results[i].Design == design {
			return &r.Results[i]
		}
	}
	return &Result{Design: design, Latencies: make([]Latency, 3), Survivals: make([]Survival, len(Failures()))}
}

func (r *Result) after(f Failure) Survival { return r.Survivals[f-1] }

// intact tells whether the design answers and has lost nothing.
func (s Survival) intact() bool {
	return s.Reads && s.Writes && s.Lost == 0 && s.Unread == 0 && s.Acked > 0
}

// readable tells whether the design answers reads alone, of all but what was under way, and has lost nothing.
func (s Survival) readable(clients int) bool {
	return s.Reads && !s.Writes && s.Lost == 0 && s.Acked > 0 && s.Read > 0 && s.Unread <= clients
}

// claims holds what was measured against what the sources say.
func (r *Report) claims() []Claim {
	var all []Claim
	claim := func(holds bool, words, found string, args ...any) {
		all = append(all, Claim{Claim: words, Holds: holds, Found: fmt.Sprintf(found, args...)})
	}
	less := func(words string, a, b float64, unit string) {
		claim(a < b && a > 0, words, "%.0f < %.0f %s", a, b, unit)
	}
	pages4, log4, pages6, log6 := r.of("pages 4/4"), r.of("log 4/4"), r.of("pages 4/6"), r.of("aurora")
	rds, ebs, local, snapshot, quorum := r.of("rds"), r.of("ebs"), r.of("local"), r.of("snapshot"), r.of("quorum")
	register := &r.Options.Register
	less("log alone takes fewer bytes than log and pages, at 4/4", log4.Write.Bytes, pages4.Write.Bytes, "bytes a transaction")
	less("log alone takes fewer bytes than log and pages, at 4/6", log6.Write.Bytes, pages6.Write.Bytes, "bytes a transaction")
	less("log alone takes fewer bytes, mixed workload, at 4/6", log6.Mixed.Bytes, pages6.Mixed.Bytes, "bytes a transaction")
	less("log alone writes fewer bytes to disks, at 4/4", log4.Write.DiskBytes, pages4.Write.DiskBytes, "bytes a transaction")
	less("log alone writes fewer bytes to disks, at 4/6", log6.Write.DiskBytes, pages6.Write.DiskBytes, "bytes a transaction")
	less("Aurora with six copies takes fewer bytes than mirrored MySQL with four", log6.Write.Bytes, rds.Write.Bytes, "bytes a transaction")
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	slow := func(x *Result) float64 { return us(x.Latencies[Slow].P99) }
	less("with a slow replica, any 4 of 6 answer sooner (p99) than all 4, log alone", slow(log6), slow(log4), "µs")
	less("with a slow replica, any 4 of 6 answer sooner (p99) than all 4, with pages", slow(pages6), slow(pages4), "µs")
	less("with a slow replica, Aurora answers sooner (p99) than mirrored MySQL", slow(log6), slow(rds), "µs")
	median := func(x *Result) float64 { return us(x.Latencies[Healthy].Median) }
	less("a disk of one's own answers sooner than a chain of two", median(local), median(ebs), "µs")
	less("a chain of two answers sooner than two of them one after the other", median(ebs), median(rds), "µs")

	for i := range r.Results {
		x := &r.Results[i]
		s := x.after(ProcessCrash)
		if x != quorum || register.overlaps() {
			claim(s.intact(), x.Design+": a crash of the database loses nothing, and it answers again", "%s", s.text())
		}
		torn := 0
		for _, s := range x.Survivals {
			torn += s.Torn
		}
		claim(torn == 0, x.Design+": no failure leaves half a transaction", "%d halves", torn)
	}
	for _, x := range []*Result{local, snapshot, ebs, rds, quorum} {
		if x == quorum && !register.exact() {
			continue
		}
		claim(x.Traced > 0 && x.Objection == nil, x.Design+": every step that its nodes told is one of its model", "%d steps%s", x.Traced, x.objects())
	}
	register.claims(quorum, claim)
	s := local.after(DiskLost)
	claim(s.Reads && s.Lost == s.Acked && s.Acked > 0, "local: with the disk goes everything that was acknowledged", "%s", s.text())
	s = snapshot.after(DiskLost)
	claim(s.Reads && s.Writes && s.Lost > 0 && s.Lost < s.Acked, "snapshot: what came after the last copy is lost, and nothing before", "%s", s.text())
	for _, x := range []*Result{ebs, rds, log6, pages6} {
		s = x.after(DiskLost)
		claim(s.intact(), x.Design+": a lost disk loses nothing, and it answers", "%s", s.text())
	}
	s = ebs.after(OwnZone)
	claim(s.Applies && !s.Reads && !s.Writes, "ebs: both copies go with the AZ", "%s", s.text())
	for _, x := range []*Result{rds, log6, pages6} {
		s = x.after(OwnZone)
		claim(s.intact(), x.Design+": the AZ of the database goes, and nothing is lost", "%s", s.text())
		s = x.after(OtherZone)
		claim(s.intact(), x.Design+": another AZ goes, and it answers on", "%s", s.text())
	}
	for _, x := range []*Result{pages4, log4} {
		s = x.after(OtherZone)
		claim(s.readable(r.Options.Clients), x.Design+": all four must answer, so an AZ down stops writes", "%s", s.text())
		s = x.after(DiskLost)
		claim(s.readable(r.Options.Clients), x.Design+": and so does one lost disk", "%s", s.text())
	}
	for _, x := range []*Result{log6, pages6} {
		s = x.after(ZonePlusOne)
		claim(s.readable(r.Options.Clients), x.Design+": AZ+1 stops writes, and reads go on", "%s", s.text())
	}
	return all
}

// objects returns what the model objects to, as the end of a sentence.
func (r *Result) objects() string {
	if r.Objection == nil {
		return ""
	}
	return fmt.Sprintf("; %s objects", r.Objection.Rule)
}

// text says what is left, in few words.
func (s Survival) text() string {
	switch {
	case !s.Applies:
		return "–"
	case !s.Reads && !s.Writes:
		return "no answer"
	}
	left := "ok"
	if s.Lost > 0 {
		left = fmt.Sprintf("lost %d/%d", s.Lost, s.Acked)
	}
	switch {
	case !s.Writes:
		left += ", no writes"
	case !s.Reads:
		left = "no reads"
	}
	return left
}

// JSON returns the report as JSON.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

func (l Latency) words() (median, p99 string) {
	switch {
	case !l.Applies:
		return "–", "–"
	case !l.Answered:
		return "none", "none"
	}
	return text.Milliseconds(l.Median, 2), text.Milliseconds(l.P99, 2)
}

// WriteText writes the report for people, in at most 100 columns, or as many as the screen has.
func (r *Report) WriteText(w io.Writer) error {
	screen := text.On(w)
	var broken error
	say := func(format string, args ...any) {
		broken = errors.Join(broken, screen.Folded(func(out io.Writer) error {
			_, err := fmt.Fprintf(out, format, args...)
			return err
		}))
	}
	show := func(t *text.Table) {
		t.Indent = 2
		broken = errors.Join(broken, t.Write(screen))
	}
	o := r.Options
	say("The same %d clients, seed %d, network and disks for every design; %d transactions of each client.\n", o.Clients, o.Seed, o.Transactions)
	say("A transaction writes two rows of 64 bytes, or reads them; a page has 16 KB. Time is virtual.\n\n")
	show(r.designs())
	say("\nA transaction takes, on all hosts together, without failures:\n\n")
	show(r.costs())
	say("\nCommit latency in ms, write-only (and mixed, all healthy):\n\n")
	show(r.latencies())
	say("\nWhat is left of what was acknowledged, counted by reading everything afterwards:\n\n")
	show(r.survivals())
	say("\n  disk lost: one, with its host, for good. own AZ: that of the database. AZ+1: another, and a copy.\n" +
		"  A database whose host is gone gets another after 50 ms, if an AZ is left. –: has no other AZ.\n" +
		"  quorum has no transactions of two rows, and does each as two.\n")
	say("\nWhat pages cost, and what waiting for all costs (bytes and p99 with a slow replica, write-only):\n\n")
	show(r.waiting())
	p := r.Paper
	say("\nThe paper's own measurement, not ours (%s):\n", p.Source)
	show(p.table())
	say("\n%d of %d directions hold that the sources give a reason for.\n", r.held(), len(r.Claims))
	for _, c := range r.Claims {
		if !c.Holds {
			say("  does not hold: %s; found %s\n", c.Claim, c.Found)
		}
	}
	traced := uint64(0)
	for _, x := range r.Results {
		traced += x.Traced
	}
	say("%s steps of the older designs' traces validated.\n", text.Count(traced))
	for _, x := range r.Results {
		if o := x.Objection; o != nil {
			say("%s, %s: its model objects by %s:\n  %s\n", x.Design, o.In, o.Rule, o.Why)
		}
	}
	v := r.Verdict()
	_, err := fmt.Fprintf(screen, "verdict: %s\n", screen.Paint(v.Mark(), string(v)))
	return errors.Join(broken, err)
}

// held returns how many claims hold.
func (r *Report) held() int {
	held := 0
	for _, c := range r.Claims {
		if c.Holds {
			held++
		}
	}
	return held
}

func (r *Report) designs() *text.Table {
	t := text.NewTable(text.Text(""), text.Text(""))
	for _, x := range r.Results {
		t.Row(x.Design, x.What)
	}
	return t
}

func (r *Report) costs() *text.Table {
	columns := []text.Column{text.Text("design")}
	for _, group := range []string{"write-only", "mixed, half of them reads"} {
		for _, title := range []string{"messages", "bytes", "disk w.", "disk B."} {
			columns = append(columns, text.Number(title).In(group))
		}
	}
	t := text.NewTable(columns...)
	for _, x := range r.Results {
		row := []any{x.Design}
		for _, c := range []Cost{x.Write, x.Mixed} {
			row = append(row, text.Figure(c.Messages), text.Figure(c.Bytes), text.Figure(c.DiskWrites), text.Figure(c.DiskBytes))
		}
		t.Row(row...)
	}
	return t
}

func (r *Report) latencies() *text.Table {
	columns := []text.Column{text.Text("design")}
	for _, group := range []string{"all healthy", "one slow replica", "another AZ down", "mixed"} {
		columns = append(columns, text.Number("median").In(group), text.Number("p99").In(group))
	}
	t := text.NewTable(columns...)
	for _, x := range r.Results {
		row := []any{x.Design}
		for _, l := range append(x.Latencies[:3:3], x.Reads) {
			median, p99 := l.words()
			row = append(row, median, p99)
		}
		t.Row(row...)
	}
	return t
}

func (r *Report) survivals() *text.Table {
	columns := []text.Column{text.Text("design")}
	for _, f := range Failures() {
		columns = append(columns, text.Text(f.String()))
	}
	t := text.NewTable(columns...)
	for _, x := range r.Results {
		row := []any{x.Design}
		for _, s := range x.Survivals {
			row = append(row, s.text())
		}
		t.Row(row...)
	}
	return t
}

// waiting is the table of what pages and what waiting for all replicas cost.
func (r *Report) waiting() *text.Table {
	columns := []text.Column{text.Text("")}
	for _, group := range []string{"all 4 of 4", "any 4 of 6"} {
		columns = append(columns, text.Number("bytes").In(group), text.Number("p99, ms").In(group))
	}
	t := text.NewTable(columns...)
	for _, line := range [][3]string{{"log and pages", "pages 4/4", "pages 4/6"}, {"log alone", "log 4/4", "aurora"}} {
		row := []any{line[0]}
		for _, name := range line[1:] {
			x := r.of(name)
			_, p99 := x.Latencies[Slow].words()
			row = append(row, text.Figure(x.Write.Bytes), p99)
		}
		t.Row(row...)
	}
	return t
}

func (p Paper) table() *text.Table {
	t := text.NewTable(text.Text(""), text.Number("transactions"), text.Number("IO each"), text.Text(""))
	t.Row("mirrored MySQL", text.Count(p.MySQLTransactions), fmt.Sprintf("%.2f", p.MySQLIOs), "")
	t.Row("Aurora", text.Count(p.Transactions), fmt.Sprintf("%.2f", p.IOs), fmt.Sprintf("%.0f× the transactions", float64(p.Transactions)/float64(p.MySQLTransactions)))
	return t
}
