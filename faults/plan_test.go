package faults_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
)

const ms = faults.Duration(time.Millisecond)

func volume() faults.Volume {
	return faults.Volume{Groups: 2, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Zones: 3, Clients: 4}
}

func aurora() faults.Topology { return volume().Topology() }

func planOf(f ...faults.Fault) faults.Plan {
	return faults.Plan{Horizon: 2000 * ms, Faults: f}
}

// good has one fault of every kind.
func good() faults.Plan {
	return planOf(
		faults.Fault{Kind: faults.Loss, At: 1 * ms, For: 10 * ms, Rate: 0.01, Salt: 7},
		faults.Fault{Kind: faults.Duplicate, At: 1 * ms, For: 10 * ms, Rate: 1, To: []string{"writer"}},
		faults.Fault{Kind: faults.Delay, At: 1 * ms, For: 10 * ms, Factor: 2.5, Extra: 3 * ms},
		faults.Fault{Kind: faults.Reorder, At: 1 * ms, For: 10 * ms, Extra: 3 * ms},
		faults.Fault{Kind: faults.Damage, At: 1 * ms, For: 10 * ms, Rate: 0.2, Nodes: []string{"writer"}, Salt: 3},
		faults.Fault{Kind: faults.Truncate, At: 1 * ms, For: 10 * ms, Rate: 0.2, Nodes: []string{"writer"}, Salt: 3},
		faults.Fault{Kind: faults.OldWire, At: 1 * ms, For: 10 * ms, Nodes: []string{"segment 1/1"}, To: []string{"writer"}},
		faults.Fault{Kind: faults.Throttle, At: 1 * ms, For: 10 * ms, Nodes: []string{"writer"}, Bandwidth: 4096, Queue: 100},
		faults.Fault{Kind: faults.ClockSlow, At: 1 * ms, For: 10 * ms, Nodes: []string{"writer", "segment 1/1", "reader 1"}, Factor: 3},
		faults.Fault{Kind: faults.ClockJump, At: 1 * ms, Nodes: []string{"register"}, Extra: 3 * ms},
		faults.Fault{Kind: faults.Partition, At: 2 * ms, For: 10 * ms, Nodes: []string{"segment 1/1", "client 4"}, To: []string{"writer", "register"}},
		faults.Fault{Kind: faults.PartitionOneWay, At: 2 * ms, For: 10 * ms, To: []string{"segment 2/6"}},
		faults.Fault{Kind: faults.AZCutOff, At: 3 * ms, For: 1 * ms, AZ: "az3"},
		faults.Fault{Kind: faults.Crash, At: 4 * ms, For: 1 * ms, Nodes: []string{"segment 1/1", "register"}},
		faults.Fault{Kind: faults.CrashAtPoint, At: 0, For: 1 * ms, Nodes: []string{"segment 2/3"}, Point: "segmentBeforeSync", Hit: 3},
		faults.Fault{Kind: faults.CrashWhen, At: 4 * ms, For: 1 * ms, Nodes: []string{"writer", "segment 1/1"}, When: faults.Acknowledged, Hit: 2},
		faults.Fault{Kind: faults.Pause, At: 5 * ms, For: 1 * ms, Nodes: []string{"writer"}},
		faults.Fault{Kind: faults.PowerLossAZ, At: 6 * ms, For: 1 * ms, AZ: "az1"},
		faults.Fault{Kind: faults.DiskSlow, At: 7 * ms, For: 1 * ms, Nodes: []string{"segment 1/2"}, Factor: 10},
		faults.Fault{Kind: faults.DiskFail, At: 7 * ms, For: 1 * ms, Nodes: []string{"segment 1/2"}, Rate: 0.5, Salt: 4},
		faults.Fault{Kind: faults.DiskFull, At: 7 * ms, For: 1 * ms, Nodes: []string{"segment 1/2", "register"}},
		faults.Fault{Kind: faults.DiskMisread, At: 7 * ms, For: 1 * ms, Nodes: []string{"segment 1/2"}, Rate: 0.5, Salt: 4},
		faults.Fault{Kind: faults.DiskLies, At: 7 * ms, For: 1 * ms, Nodes: []string{"segment 1/2", "segment 2/2"}, Rate: 0.5, Salt: 4},
		faults.Fault{Kind: faults.WriteLost, At: 7 * ms, For: 1 * ms, Nodes: []string{"segment 1/2"}, Rate: 0.5, Salt: 4},
		faults.Fault{Kind: faults.WriteMisplaced, At: 7 * ms, For: 1 * ms, Nodes: []string{"segment 1/2"}, Rate: 0.5, Salt: 4},
		faults.Fault{Kind: faults.DiskStale, At: 7 * ms, For: 1 * ms, Nodes: []string{"segment 1/2"}, Extra: 3 * ms, Salt: 4},
		faults.Fault{Kind: faults.DiskEmptied, At: 7 * ms, For: 1 * ms, Nodes: []string{"segment 1/2"}},
		faults.Fault{Kind: faults.DiskCorrupt, At: 8 * ms, Nodes: []string{"segment 1/2"}, Salt: 1},
		faults.Fault{Kind: faults.DiskLost, At: 8 * ms, For: 1 * ms, Nodes: []string{"segment 1/2"}},
		faults.Fault{Kind: faults.NodeLost, At: 8 * ms, Nodes: []string{"segment 2/2"}},
		faults.Fault{Kind: faults.TakeOver, At: 9 * ms},
		faults.Fault{Kind: faults.Promote, At: 9 * ms, Nodes: []string{"reader 2"}},
		faults.Fault{Kind: faults.FailOver, At: 10 * ms, For: 1 * ms},
	)
}

func TestEveryKindHasAValidForm(t *testing.T) {
	p := good()
	v := volume()
	v.Readers = 2
	topology := v.Topology()
	p.BeyondBudget = true // some kinds are within no budget
	require.NoError(t, p.Validate(topology))
	var used []faults.Kind
	for _, f := range p.Faults {
		used = append(used, f.Kind)
	}
	require.ElementsMatch(t, faults.Kinds(), used)
}

func TestPlanSurvivesJSON(t *testing.T) {
	p := good()
	p.Faults[0].At = 1_234_567_891 // exact to the nanosecond
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.Contains(t, string(text), `{"kind":"loss","at":"1.234567891s","for":"10ms","rate":0.01,"salt":7}`)
	var back faults.Plan
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, p, back)
}

func TestPlanJSONRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"number for a time":   {`{"horizon":5,"faults":[]}`, "cannot unmarshal number"},
		"time without a unit": {`{"horizon":"5","faults":[]}`, `expected a duration like "1.5ms", found "5"`},
	} {
		t.Run(name, func(t *testing.T) {
			var p faults.Plan
			require.ErrorContains(t, json.Unmarshal([]byte(c.text), &p), c.want)
		})
	}
	var p faults.Plan
	require.ErrorContains(t, json.Unmarshal([]byte(`{"horizon":"5s","faults":[`), &p), "unexpected end")
}

func TestValidateRefuses(t *testing.T) {
	crash := faults.Fault{Kind: faults.Crash, At: ms, For: ms, Nodes: []string{"segment 1/1"}}
	point := faults.Fault{Kind: faults.CrashAtPoint, For: ms, Nodes: []string{"segment 1/1"}, Point: "segmentAfterSync", Hit: 1}
	loss := faults.Fault{Kind: faults.Loss, For: ms, Rate: 0.1}
	slow := faults.Fault{Kind: faults.DiskSlow, For: ms, Nodes: []string{"segment 1/1"}, Factor: 2}
	with := func(f faults.Fault, change func(*faults.Fault)) faults.Fault { change(&f); return f }
	type F = faults.Fault
	for name, c := range map[string]struct {
		fault faults.Fault
		want  string
	}{
		"unknown kind":            {with(crash, func(f *F) { f.Kind = "crush" }), `unknown fault kind "crush"; known: loss, duplicate, delay,`},
		"no kind":                 {F{}, `unknown fault kind ""`},
		"unknown segment":         {with(crash, func(f *F) { f.Nodes = []string{"segment 3/1"} }), `unknown node "segment 3/1"; known: writer, register, segment 1/1 to segment 2/6, client 1 to client 4`},
		"replica 0":               {with(crash, func(f *F) { f.Nodes = []string{"segment 1/0"} }), `unknown node "segment 1/0"`},
		"another spelling":        {with(crash, func(f *F) { f.Nodes = []string{"segment 01/1"} }), `unknown node "segment 01/1"`},
		"unknown client":          {with(loss, func(f *F) { f.To = []string{"client 5"} }), `unknown node "client 5"`},
		"unknown zone":            {F{Kind: faults.PowerLossAZ, For: ms, AZ: "az4"}, `unknown availability zone "az4"; known: az1, az2, az3`},
		"unknown point":           {with(point, func(f *F) { f.Point = "segmentAfterSink" }), `unknown point "segmentAfterSink"; known: registerAfterChange`},
		"point of others":         {with(point, func(f *F) { f.Nodes = []string{"register"} }), "expected a node that passes segmentAfterSync, a segment, found register"},
		"hit below 1":             {with(point, func(f *F) { f.Hit = -1 }), "expected hit from 1, found -1"},
		"two nodes at a point":    {with(point, func(f *F) { f.Nodes = []string{"segment 1/1", "segment 1/2"} }), "expected one node, found 2"},
		"two words":               {F{Kind: faults.CrashWhen, For: ms, Nodes: []string{"writer"}, When: "an ack", Hit: 1}, `expected when of one word of at most 40 bytes, found "an ack"`},
		"missing fields":          {F{Kind: faults.CrashAtPoint, For: ms}, "expected nodes, point, hit, which is missing"},
		"no length":               {with(crash, func(f *F) { f.For = 0 }), "expected for, which is missing"},
		"field that counts not":   {with(crash, func(f *F) { f.Rate = 0.5 }), "expected no rate; it takes: kind, at, for, nodes, salt"},
		"take-over of somebody":   {F{Kind: faults.TakeOver, Nodes: []string{"writer"}}, "expected no nodes; it takes: kind, at"},
		"crash of a client":       {with(crash, func(f *F) { f.Nodes = []string{"client 1"} }), "expected nodes of one of the roles [register segment reader], found client 1"},
		"crash of the writer":     {with(crash, func(f *F) { f.Nodes = []string{"writer"} }), "found writer"},
		"node twice":              {with(loss, func(f *F) { f.Nodes, f.To = []string{"writer"}, []string{"writer"} }), "expected every node once, found writer again"},
		"before the start":        {with(crash, func(f *F) { f.At = -ms }), "expected at from 0s"},
		"after the horizon":       {with(crash, func(f *F) { f.At = 2000 * ms }), "below the horizon 2s, found 2s"},
		"end after the horizon":   {with(crash, func(f *F) { f.For = 2000 * ms }), "expected an end by the horizon 2s, found 1ms and 2s more"},
		"end beyond all times":    {with(crash, func(f *F) { f.For = math.MaxInt64 }), "expected an end by the horizon"},
		"negative length":         {with(crash, func(f *F) { f.For = -ms }), "expected for above 0s"},
		"rate above 1":            {with(loss, func(f *F) { f.Rate = 1.01 }), "expected a rate above 0 up to 1, found 1.01"},
		"rate that is no number":  {with(loss, func(f *F) { f.Rate = math.NaN() }), "expected a rate"},
		"factor below 1":          {with(slow, func(f *F) { f.Factor = 0.5 }), "expected a factor from 1 to 1000, found 0.5"},
		"endless factor":          {with(slow, func(f *F) { f.Factor = math.Inf(1) }), "expected a factor"},
		"slow by nothing":         {with(slow, func(f *F) { f.Factor = 0 }), "expected factor or extra, found neither"},
		"extra beyond the run":    {with(slow, func(f *F) { f.Extra = 2001 * ms }), "expected extra from 0s to the horizon 2s, found 2.001s"},
		"one way from and to all": {F{Kind: faults.PartitionOneWay, For: ms}, "expected nodes or to, found neither"},
		"full disk of a writer":   {F{Kind: faults.DiskFull, For: ms, Nodes: []string{"writer"}}, "expected nodes of one of the roles [register segment], found writer"},
		"how full a disk is":      {F{Kind: faults.DiskFull, For: ms, Nodes: []string{"register"}, Rate: 0.5}, "expected no rate; it takes: kind, at, for, nodes"},
		"an older register":       {F{Kind: faults.DiskStale, For: ms, Extra: ms, Nodes: []string{"register"}}, "expected nodes of one of the roles [segment], found register"},
		"how old a disk is":       {F{Kind: faults.DiskStale, For: ms, Nodes: []string{"segment 1/1"}}, "expected extra, which is missing"},
		"two emptied disks":       {F{Kind: faults.DiskEmptied, For: ms, Nodes: []string{"segment 1/1", "segment 1/2"}}, "expected one node, found 2"},
		"a register that lies":    {F{Kind: faults.DiskLies, For: ms, Rate: 1, Nodes: []string{"register"}}, "expected nodes of one of the roles [segment], found register"},
		"a write lost twice":      {F{Kind: faults.WriteLost, For: ms, Rate: 2, Nodes: []string{"segment 1/1"}}, "expected a rate above 0 up to 1, found 2"},
		"too slow a link":         {F{Kind: faults.Throttle, For: ms, Bandwidth: 4095}, "expected a bandwidth from 4096 to 1099511627776 bytes a second, found 4095"},
		"a queue below 0":         {F{Kind: faults.Throttle, For: ms, Bandwidth: 4096, Queue: -1}, "expected a queue from 0 to 1099511627776 bytes, found -1"},
		"a link of no bandwidth":  {F{Kind: faults.Throttle, For: ms, Queue: 9}, "expected bandwidth, which is missing"},
		"two disks in one fault":  {F{Kind: faults.DiskCorrupt, Nodes: []string{"segment 1/1", "segment 1/2"}}, "expected one node, found 2"},
	} {
		t.Run(name, func(t *testing.T) {
			err := planOf(crash, c.fault).Validate(aurora())
			var wrong *faults.FaultError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, 1, wrong.Index)
			require.ErrorContains(t, err, c.want)
		})
	}
	for name, base := range map[string]faults.Fault{"crash": crash, "point": point, "loss": loss, "slow": slow} {
		require.NoError(t, planOf(base).Validate(aurora()), name)
	}

	require.ErrorContains(t, faults.Plan{}.Validate(aurora()), "expected a horizon above 0")
	err := planOf(with(crash, func(f *F) { f.For = 0 }), with(loss, func(f *F) { f.Rate = 2 })).Validate(aurora())
	require.ErrorContains(t, err, "fault 0 (crash)")
	require.ErrorContains(t, err, "fault 1 (loss)")
}

// With more flipped bits of one disk than an entry of a log stands, a segment forgets and does not know that it did. No mark
// on the plan makes that a run that has to pass.
func TestAPlanFlipsFewBitsOfOneDisk(t *testing.T) {
	var rot []faults.Fault
	for i := range faults.Duration(3) {
		rot = append(rot, faults.Fault{Kind: faults.DiskCorrupt, At: i * ms, Nodes: []string{"segment 1/1"}})
	}
	require.NoError(t, planOf(rot...).Validate(aurora()))
	other := faults.Fault{Kind: faults.DiskCorrupt, At: 3 * ms, Nodes: []string{"segment 2/1"}}
	require.NoError(t, planOf(append(rot, other)...).Validate(aurora()))
	for _, beyond := range []bool{false, true} {
		p := planOf(append(rot, other, rot[0])...)
		p.BeyondBudget = beyond
		var wrong *faults.FaultError
		require.ErrorAs(t, p.Validate(aurora()), &wrong)
		require.Equal(t, 4, wrong.Index)
		require.ErrorContains(t, wrong, "expected at most 3 flipped bits of segment 1/1")
	}
}

func TestTopology(t *testing.T) {
	require.NoError(t, aurora().Validate())
	for _, broken := range []struct {
		topology faults.Topology
		want     string
	}{
		{faults.Topology{}, "expected parts that hold from 1 to 1, found 0"},
		{faults.Volume{Groups: 1, Replicas: 3, WriteQuorum: 4, ReadQuorum: 1, Zones: 1}.Topology(), "expected segments' writeQuorum from 1 to 3, found 4"},
		{faults.Volume{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 0, Zones: 1}.Topology(), "expected segments' readQuorum from 1 to 3, found 0"},
		{faults.Volume{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Zones: 4}.Topology(), "expected zones from 1 to 3, found 4"},
		{faults.Volume{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Zones: 1, Clients: -1}.Topology(), "expected clients from 0"},
	} {
		require.ErrorContains(t, broken.topology.Validate(), broken.want)
		require.ErrorContains(t, planOf().Validate(broken.topology), broken.want)
	}

	nodes := aurora().Nodes()
	require.Len(t, nodes, 1+1+2*6+4)
	for _, n := range nodes {
		found, err := aurora().Node(n.String())
		require.NoError(t, err)
		require.Equal(t, n, found)
	}
	in, err := aurora().InZone("az2")
	require.NoError(t, err)
	var names []string
	for _, n := range in {
		names = append(names, n.String())
	}
	require.Equal(t, []string{"segment 1/3", "segment 1/4", "segment 2/3", "segment 2/4"}, names)

	uneven := faults.Volume{Groups: 1, Replicas: 5, WriteQuorum: 3, ReadQuorum: 3, Zones: 3}.Topology()
	var zones []string
	for _, n := range uneven.Nodes()[2:] {
		zones = append(zones, uneven.Zone(n))
	}
	require.Equal(t, []string{"az1", "az1", "az2", "az2", "az3"}, zones)
}

func TestBudget(t *testing.T) {
	require.Equal(t, faults.Budget{Impaired: 2, Damaged: 1, Short: 50 * ms}, aurora().Budget())
	require.Equal(t, faults.Budget{Short: 50 * ms}, faults.Volume{Groups: 1, Replicas: 3, WriteQuorum: 3, ReadQuorum: 1, Zones: 1}.Topology().Budget())

	const long, short = 51 * ms, 50 * ms
	crash := func(at, length faults.Duration, nodes ...string) faults.Fault {
		return faults.Fault{Kind: faults.Crash, At: at, For: length, Nodes: nodes}
	}
	cut := func(at, length faults.Duration, nodes, to []string) faults.Fault {
		return faults.Fault{Kind: faults.Partition, At: at, For: length, Nodes: nodes, To: to}
	}
	oneWay := func(nodes, to []string) faults.Fault {
		return faults.Fault{Kind: faults.PartitionOneWay, At: ms, For: long, Nodes: nodes, To: to}
	}
	rot := func(at faults.Duration, node string) faults.Fault {
		return faults.Fault{Kind: faults.DiskCorrupt, At: at, Nodes: []string{node}}
	}
	power := faults.Fault{Kind: faults.PowerLossAZ, At: 100 * ms, For: long, AZ: "az1"}
	three := []string{"segment 1/1", "segment 1/2", "segment 1/3"}
	all := []string{"segment 1/1", "segment 1/2", "segment 1/3", "segment 1/4", "segment 1/5", "segment 1/6"}
	for name, c := range map[string]struct {
		faults []faults.Fault
		at     faults.Duration // of the breach; below 0 for none
	}{
		"nothing":                              {nil, -1},
		"two of a group":                       {[]faults.Fault{crash(ms, long, three[:2]...)}, -1},
		"three of a group":                     {[]faults.Fault{crash(ms, long, three...)}, ms},
		"three of two groups":                  {[]faults.Fault{crash(ms, long, "segment 1/1", "segment 1/2", "segment 2/1")}, -1},
		"all, shortly":                         {[]faults.Fault{crash(ms, short, all...)}, -1},
		"two, then two others":                 {[]faults.Fault{crash(0, long, three[:2]...), crash(51*ms, long, "segment 1/4", "segment 1/5")}, -1},
		"two, and a third while they last":     {[]faults.Fault{crash(0, long, three[:2]...), crash(50*ms, long, "segment 1/4")}, 50 * ms},
		"the same twice":                       {[]faults.Fault{crash(0, long, three[:2]...), crash(9*ms, long, three[0])}, -1},
		"a loop of short crashes":              {[]faults.Fault{crash(0, short, all...), crash(50*ms, short, all...)}, 0},
		"pauses count":                         {[]faults.Fault{{Kind: faults.Pause, At: 5 * ms, For: long, Nodes: three}}, 5 * ms},
		"of the writer they do not":            {[]faults.Fault{{Kind: faults.Pause, At: 5 * ms, For: long, Nodes: []string{"writer"}}}, -1},
		"a zone":                               {[]faults.Fault{power}, -1},
		"a zone, and one more":                 {[]faults.Fault{power, crash(110*ms, long, "segment 2/3")}, 110 * ms},
		"a zone cut off, and one more":         {[]faults.Fault{{Kind: faults.AZCutOff, At: ms, For: long, AZ: "az3"}, crash(0, long, "segment 2/3")}, ms},
		"a zone, and one of it":                {[]faults.Fault{power, crash(110*ms, long, "segment 2/2")}, -1},
		"three cut off from all":               {[]faults.Fault{cut(ms, long, three, nil)}, ms},
		"three cut off from the register":      {[]faults.Fault{cut(ms, long, three, []string{"register"})}, -1},
		"three cut off from the writer":        {[]faults.Fault{cut(ms, long, three, []string{"writer"})}, ms},
		"until a successor comes":              {[]faults.Fault{cut(ms, long, three, []string{"writer"}), {Kind: faults.TakeOver, At: 51 * ms}}, -1},
		"a successor is cut off with all":      {[]faults.Fault{cut(ms, long, three, nil), {Kind: faults.TakeOver, At: 20 * ms}}, ms},
		"the writer cut off":                   {[]faults.Fault{cut(ms, long, []string{"writer"}, nil)}, ms},
		"the writer cut off till its crash":    {[]faults.Fault{cut(ms, long, []string{"writer"}, nil), {Kind: faults.FailOver, At: 2 * ms, For: 3 * ms}}, -1},
		"a writer that comes no sooner":        {[]faults.Fault{cut(ms, long, []string{"writer"}, nil), {Kind: faults.FailOver, At: 2 * ms, For: 300 * ms}}, ms},
		"one way from three":                   {[]faults.Fault{oneWay(three, nil)}, ms},
		"one way to three":                     {[]faults.Fault{oneWay(nil, three)}, ms},
		"one way between segments":             {[]faults.Fault{oneWay(three, all[3:])}, -1},
		"half of everything lost":              {[]faults.Fault{{Kind: faults.Loss, At: ms, For: long, Rate: 0.5}}, -1},
		"most of everything truncated":         {[]faults.Fault{{Kind: faults.Truncate, At: ms, For: long, Rate: 0.51}}, ms},
		"slow links of three count":            {[]faults.Fault{{Kind: faults.Throttle, At: ms, For: long, Nodes: three, Bandwidth: 1 << 30}}, ms},
		"most of everything lost":              {[]faults.Fault{{Kind: faults.Loss, At: ms, For: long, Rate: 0.51}}, ms},
		"full disks count":                     {[]faults.Fault{{Kind: faults.DiskFull, At: 5 * ms, For: long, Nodes: three}}, 5 * ms},
		"of the register they do not":          {[]faults.Fault{{Kind: faults.DiskFull, At: 5 * ms, For: long, Nodes: []string{"register", "segment 1/1", "segment 1/2"}}}, -1},
		"a disk that lies":                     {[]faults.Fault{{Kind: faults.DiskLies, At: 5 * ms, For: ms, Nodes: three[:1], Rate: 0.1}}, 5 * ms},
		"a disk that loses a write":            {[]faults.Fault{{Kind: faults.WriteLost, At: 5 * ms, For: ms, Nodes: three[:1], Rate: 0.1}}, 5 * ms},
		"a disk that misplaces a write":        {[]faults.Fault{{Kind: faults.WriteMisplaced, At: 5 * ms, For: ms, Nodes: three[:1], Rate: 0.1}}, 5 * ms},
		"an older disk":                        {[]faults.Fault{{Kind: faults.DiskStale, At: 5 * ms, For: ms, Nodes: three[:1], Extra: ms}}, 5 * ms},
		"an emptied disk":                      {[]faults.Fault{{Kind: faults.DiskEmptied, At: 5 * ms, For: ms, Nodes: three[:1]}}, 5 * ms},
		"misread disks count":                  {[]faults.Fault{{Kind: faults.DiskMisread, At: 5 * ms, For: long, Nodes: three, Rate: 0.1}}, 5 * ms},
		"a damaged disk":                       {[]faults.Fault{rot(ms, three[0]), rot(2*ms, three[0])}, -1},
		"one in each group":                    {[]faults.Fault{rot(ms, three[0]), rot(2*ms, "segment 2/4")}, -1},
		"a lost disk counts for good":          {[]faults.Fault{{Kind: faults.DiskLost, At: ms, For: ms, Nodes: []string{"segment 1/3"}}, power}, 100 * ms},
		"a lost segment counts for good":       {[]faults.Fault{{Kind: faults.NodeLost, At: ms, Nodes: []string{"segment 1/3"}}, power}, 100 * ms},
		"a lost disk and a damaged one":        {[]faults.Fault{{Kind: faults.DiskLost, At: ms, For: ms, Nodes: []string{"segment 1/3"}}, rot(2*ms, three[0])}, 2 * ms},
		"two in a group":                       {[]faults.Fault{rot(ms, three[0]), rot(2*ms, three[1])}, 2 * ms},
		"a damaged disk, much later a zone":    {[]faults.Fault{rot(ms, "segment 1/3"), power}, 100 * ms},
		"a damaged disk, much later its zone":  {[]faults.Fault{rot(ms, "segment 1/1"), power}, -1},
		"a zone, and a disk after it":          {[]faults.Fault{power, rot(151*ms, "segment 1/3")}, -1},
		"at a point, at any time":              {[]faults.Fault{{Kind: faults.CrashAtPoint, For: long, Nodes: []string{"segment 1/3"}, Point: "segmentBeforeSync", Hit: 1}, power}, 100 * ms},
		"at a point, at any time, but shortly": {[]faults.Fault{{Kind: faults.CrashAtPoint, For: short, Nodes: []string{"segment 1/3"}, Point: "segmentBeforeSync", Hit: 1}, power}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			p := planOf(c.faults...)
			err := p.Validate(aurora())
			if c.at < 0 {
				require.NoError(t, err)
				return
			}
			var beyond *faults.BudgetError
			require.ErrorAs(t, err, &beyond)
			require.Equal(t, c.at, beyond.At)
			require.Greater(t, len(beyond.Nodes), beyond.Limit)
			p.BeyondBudget = true
			require.NoError(t, p.Validate(aurora()), "a marked plan may")
		})
	}
	// A spare is no member, and needs no quorum; but it counts as one that may be out of order, because it may become one.
	with := volume()
	with.Replicas, with.Spares = 8, 2
	spared := with.Topology()
	require.NoError(t, planOf(crash(ms, long, "segment 1/1", "segment 1/8")).Validate(spared))
	require.Equal(t, 2, spared.Budget().Impaired)
	require.Error(t, planOf(crash(ms, long, "segment 1/1", "segment 1/2", "segment 1/8")).Validate(spared))
	require.Equal(t, "az1", spared.Zone(faults.Node{Role: faults.Segment, Group: 1, Index: 2}))
	require.Equal(t, "az2", spared.Zone(faults.Node{Role: faults.Segment, Group: 1, Index: 8}))
	with.Spares = 8
	require.ErrorContains(t, with.Topology().Validate(), "expected segments' spares from 0 to 7, found 8")

	err := planOf(crash(ms, long, three...)).Validate(aurora())
	require.EqualError(t, err, "beyond the fault budget: expected at most 2 segments of group 1 impaired for longer than 50ms, found 3 at 1ms: segment 1/1, segment 1/2, segment 1/3")
	require.False(t, errors.As(err, new(*faults.FaultError)))
}

// Where no node is active, a node is cut off when it is outside of a largest set of nodes that reach each other: a cut of one
// from two impairs the one, and not all three.
func TestTheBudgetOfNodesOfWhichNoneIsActive(t *testing.T) {
	topology := replicas(true)
	long := 60 * ms
	crash := func(at, length faults.Duration, nodes ...string) faults.Fault {
		return faults.Fault{Kind: faults.Crash, At: at, For: length, Nodes: nodes}
	}
	cut := func(kind faults.Kind, nodes, to []string) faults.Fault {
		return faults.Fault{Kind: kind, At: ms, For: long, Nodes: nodes, To: to}
	}
	one, two, three := []string{"replica 1"}, []string{"replica 1", "replica 2"}, []string{"replica 1", "replica 2", "replica 3"}
	for name, c := range map[string]struct {
		faults []faults.Fault
		over   int // nodes that are too many; 0: within the budget
	}{
		"two apart from three":           {[]faults.Fault{cut(faults.Partition, two, []string{"replica 3", "replica 4", "replica 5"})}, 0},
		"two apart from everyone":        {[]faults.Fault{cut(faults.Partition, two, nil)}, 0},
		"one way is enough":              {[]faults.Fault{cut(faults.PartitionOneWay, three, nil)}, 0},
		"two of three apart, too":        {[]faults.Fault{cut(faults.Partition, two, nil), cut(faults.Partition, one, two[1:])}, 0},
		"five alone":                     {[]faults.Fault{cut(faults.Partition, one, nil), cut(faults.Partition, two[1:], nil), cut(faults.Partition, three[2:], nil)}, 3},
		"clients cut off":                {[]faults.Fault{cut(faults.Partition, []string{"client 1", "client 2", "client 3", "client 4"}, nil)}, 0},
		"a cut and two crashes":          {[]faults.Fault{cut(faults.Partition, one, nil), crash(ms, long, "replica 2", "replica 3")}, 3},
		"one link, and two at both ends": {[]faults.Fault{cut(faults.Partition, one, []string{"replica 2"}), crash(ms, long, "replica 1", "replica 2")}, 0},
	} {
		err := planOf(c.faults...).Validate(topology)
		if c.over == 0 {
			require.NoError(t, err, name)
			continue
		}
		var beyond *faults.BudgetError
		require.ErrorAs(t, err, &beyond, name)
		require.Len(t, beyond.Nodes, c.over, name)
		require.ErrorContains(t, err, "expected at most 2 replicas impaired for longer than 50ms", name)
	}
	for words, f := range map[string]faults.Fault{
		"expected a system of which one node is active at a time":                    {Kind: faults.TakeOver, At: ms},
		`unknown node "writer"; known: replica 1 to replica 5, client 1 to client 4`: {Kind: faults.Pause, At: ms, For: ms, Nodes: []string{"writer"}},
		`unknown node "replica 1/1"`:                                                 {Kind: faults.Crash, At: ms, For: ms, Nodes: []string{"replica 1/1"}},
		`unknown point "segmentAfterSync"; known: replicaBeforeAnswer`:               {Kind: faults.CrashAtPoint, At: ms, For: ms, Nodes: []string{"replica 1"}, Point: "segmentAfterSync", Hit: 1},
		"at most 0 replicas with a damaged or lost disk":                             {Kind: faults.DiskLost, At: ms, For: ms, Nodes: []string{"replica 1"}},
	} {
		require.ErrorContains(t, planOf(f).Validate(topology), words)
	}
	require.ErrorContains(t, planOf(faults.Fault{Kind: faults.DiskSlow, At: ms, For: ms, Nodes: []string{"replica 1"}, Factor: 2}).Validate(replicas(false)), "expected nodes that have a disk, found replica 1")
}
