package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
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
func (r *Report) Verdict() string {
	if r.Violated() {
		return "violation"
	}
	return "pass"
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
	claim := func(holds bool, text, found string, args ...any) {
		all = append(all, Claim{Claim: text, Holds: holds, Found: fmt.Sprintf(found, args...)})
	}
	less := func(text string, a, b float64, unit string) {
		claim(a < b && a > 0, text, "%.0f < %.0f %s", a, b, unit)
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
	text := "ok"
	if s.Lost > 0 {
		text = fmt.Sprintf("lost %d/%d", s.Lost, s.Acked)
	}
	switch {
	case !s.Writes:
		text += ", no writes"
	case !s.Reads:
		text = "no reads"
	}
	return text
}

// JSON returns the report as JSON.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// figure renders a number in at most seven characters.
func figure(x float64) string {
	switch {
	case x >= 100_000:
		return fmt.Sprintf("%.0fk", x/1000)
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.1f", x)
}

func (l Latency) text() (median, p99 string) {
	switch {
	case !l.Applies:
		return "–", "–"
	case !l.Answered:
		return "none", "none"
	}
	return millis(l.Median), millis(l.P99)
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

// WriteText writes the report for people, in at most 100 columns.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	o := r.Options
	fmt.Fprintf(&b, "The same %d clients, seed %d, network and disks for every design; %d transactions of each client.\n", o.Clients, o.Seed, o.Transactions)
	b.WriteString("A transaction writes two rows of 64 bytes, or reads them; a page has 16 KB. Time is virtual.\n\n")
	for _, x := range r.Results {
		fmt.Fprintf(&b, "  %-10s %s\n", x.Design, x.What)
	}
	b.WriteString("\nA transaction takes, on all hosts together, without failures:\n\n")
	b.WriteString("             write-only                            mixed, half of them reads\n")
	b.WriteString("  design     messages   bytes   disk w.  disk B.   messages   bytes   disk w.  disk B.\n")
	for _, x := range r.Results {
		fmt.Fprintf(&b, "  %-10s %8s %7s %9s %8s %10s %7s %9s %8s\n", x.Design, figure(x.Write.Messages), figure(x.Write.Bytes), figure(x.Write.DiskWrites), figure(x.Write.DiskBytes),
			figure(x.Mixed.Messages), figure(x.Mixed.Bytes), figure(x.Mixed.DiskWrites), figure(x.Mixed.DiskBytes))
	}
	b.WriteString("\nCommit latency in ms, write-only (and mixed, all healthy):\n\n")
	b.WriteString("             all healthy       one slow replica  another AZ down   mixed\n")
	b.WriteString("  design     median     p99    median     p99    median     p99    median     p99\n")
	for _, x := range r.Results {
		fmt.Fprintf(&b, "  %-10s", x.Design)
		for _, l := range append(x.Latencies[:3:3], x.Reads) {
			median, p99 := l.text()
			fmt.Fprintf(&b, " %6s %7s   ", median, p99)
		}
		b.WriteString("\n")
	}
	b.WriteString("\nWhat is left of what was acknowledged, counted by reading everything afterwards:\n\n")
	fmt.Fprintf(&b, "  %-10s", "design")
	for _, f := range Failures() {
		fmt.Fprintf(&b, " %-16s", f)
	}
	b.WriteString("\n")
	for _, x := range r.Results {
		fmt.Fprintf(&b, "  %-10s", x.Design)
		for _, s := range x.Survivals {
			fmt.Fprintf(&b, " %-16s", s.text())
		}
		b.WriteString("\n")
	}
	b.WriteString("\n  disk lost: one, with its host, for good. own AZ: that of the database. AZ+1: another, and a copy.\n")
	b.WriteString("  A database whose host is gone gets another after 50 ms, if an AZ is left. –: has no other AZ.\n")
	b.WriteString("  quorum has no transactions of two rows, and does each as two.\n")
	b.WriteString("\nWhat pages cost, and what waiting for all costs (bytes and p99 with a slow replica, write-only):\n\n")
	b.WriteString("                      all 4 of 4                  any 4 of 6\n")
	for _, line := range [][3]string{{"log and pages", "pages 4/4", "pages 4/6"}, {"log alone", "log 4/4", "aurora"}} {
		fmt.Fprintf(&b, "  %-15s", line[0])
		for _, name := range line[1:] {
			x := r.of(name)
			_, p99 := x.Latencies[Slow].text()
			fmt.Fprintf(&b, " %9s B %9s ms    ", figure(x.Write.Bytes), p99)
		}
		b.WriteString("\n")
	}
	p := r.Paper
	fmt.Fprintf(&b, "\nThe paper's own measurement, not ours (%s):\n", p.Source)
	fmt.Fprintf(&b, "  mirrored MySQL %10d transactions, %.2f IO each\n", p.MySQLTransactions, p.MySQLIOs)
	fmt.Fprintf(&b, "  Aurora         %10d transactions, %.2f IO each: %.0f× the transactions\n", p.Transactions, p.IOs, float64(p.Transactions)/float64(p.MySQLTransactions))
	held := 0
	for _, c := range r.Claims {
		if c.Holds {
			held++
		}
	}
	fmt.Fprintf(&b, "\n%d of %d directions hold that the sources give a reason for.\n", held, len(r.Claims))
	for _, c := range r.Claims {
		if !c.Holds {
			fmt.Fprintf(&b, "  does not hold: %s; found %s\n", c.Claim, c.Found)
		}
	}
	traced := uint64(0)
	for _, x := range r.Results {
		traced += x.Traced
	}
	fmt.Fprintf(&b, "%d steps of the older designs' traces validated.\n", traced)
	for _, x := range r.Results {
		if o := x.Objection; o != nil {
			fmt.Fprintf(&b, "%s, %s: its model objects by %s:\n  %s\n", x.Design, o.In, o.Rule, o.Why)
		}
	}
	fmt.Fprintf(&b, "verdict: %s\n", r.Verdict())
	for line := range strings.Lines(b.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}
