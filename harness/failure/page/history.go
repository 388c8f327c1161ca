package page

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/linearizability"
)

// OfHistory returns the page of a history of clients. Its lanes are the clients, and its moments the begins and the ends of operations, in
// order and not to scale; the end of the operation that cannot be is the bad one.
func OfHistory(p *linearizability.Picture) *Page {
	f := &Film{Title: "The history", Unit: "moment", Wide: true}
	about := About{Name: fmt.Sprintf("%s: %s", p.Verdict, p.File), Verdict: p.Verdict.String(), Headline: p.File + " is " + p.Verdict.String(),
		Facts: []string{p.Facts, p.Drawing.String()}, Happened: p.Reason, Again: []string{"firstgap lin --html PAGE FILE"}}
	if p.Verdict == linearizability.Unknown {
		about.Headline = p.File + ": unknown"
	}
	if p.Reason != "" {
		about.Facts = append(about.Facts, p.Head)
	}
	// Clients of the contradiction come first.
	lanes := map[string]int{}
	for _, core := range []bool{true, false} {
		for i := range p.Operations {
			o := &p.Operations[i]
			if _, known := lanes[o.Client]; !known && (o.Core || !core) {
				lanes[o.Client] = len(f.Lanes)
				f.Lanes = append(f.Lanes, Lane{Name: "client " + o.Client, Kind: "client"})
			}
		}
	}
	type end struct {
		at   int64
		op   int
		ends bool
	}
	var ends []end
	for i := range p.Operations {
		o := &p.Operations[i]
		ends = append(ends, end{o.Begin, i, false})
		if !o.Open {
			ends = append(ends, end{o.End, i, true})
		}
	}
	// What begins when another ends is beside it: the begin comes first.
	slices.SortStableFunc(ends, func(a, b end) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(bit(a.ends), bit(b.ends))) })
	began, ended := make([]uint64, len(p.Operations)), make([]uint64, len(p.Operations))
	for k, e := range ends {
		o := &p.Operations[e.op]
		number := uint64(k) + 1
		m := Moment{Number: number, Lane: lanes[o.Client], From: -1, Kind: "begins", Weight: Told, Words: "calls " + o.Text + " (" + o.Where + ")"}
		if o.Core {
			m.Weight = Linked
		}
		if e.ends {
			m.Kind, m.Cause, m.Words = "ends", began[e.op], "has its answer: "+o.Text+" ("+o.Where+")"
			ended[e.op] = number
		} else {
			began[e.op] = number
		}
		f.Moments = append(f.Moments, m)
	}
	for i := range p.Operations {
		o := &p.Operations[i]
		b := Band{Lane: lanes[o.Client], From: began[i], To: ended[i], Kind: "operation", Words: o.Text}
		if o.Core {
			b.Kind = "core"
		}
		if o.Blamed {
			b.Kind, f.Bad = "blamed", cmp.Or(ended[i], began[i])
			about.Headline = fmt.Sprintf("%s is %s: %s of client %s cannot be", p.File, p.Verdict, o.Text, o.Client)
		}
		f.Bands = append(f.Bands, b)
	}
	for _, i := range p.Core {
		o := &p.Operations[i]
		about.Chain = append(about.Chain, why.Link{Event: began[i], Node: "client " + o.Client, Words: o.Text + " (" + o.Where + ")"})
		f.Start = cmp.Or(f.Start, began[i])
	}
	f.Start = cmp.Or(f.Start, 1)
	for _, x := range p.Faults {
		at := func(t int64) uint64 {
			k, _ := slices.BinarySearchFunc(ends, t, func(e end, t int64) int { return cmp.Compare(e.at, t) })
			return uint64(min(k, len(ends)-1)) + 1
		}
		f.Bands = append(f.Bands, Band{Lane: -1, From: at(x.Begin), To: at(x.End), Kind: "cut", Words: x.Text})
		about.Notes = append(about.Notes, "Fault: "+x.Text)
	}
	about.ChainSays = p.CoreSays
	if p.MoreCore > 0 {
		about.Notes = append(about.Notes, fmt.Sprintf("Of the contradiction %d operations more are not listed.", p.MoreCore))
	}
	about.Orders, about.OrdersSay = p.Orders, p.OrdersSay
	for _, note := range p.Notes {
		about.Notes = append(about.Notes, "Taken for granted: "+note)
	}
	return New(f, about)
}
