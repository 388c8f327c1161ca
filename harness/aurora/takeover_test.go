package aurora

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/judge"
)

// growing is a run of whose three groups one is in use at first: its writer soon asks the register for another.
const growing = `{"version":4,"system":"aurora","seed":35,"settings":{
"volume":{"groups":3,"replicas":6,"writeQuorum":4,"readQuorum":3,"pageSize":512,"inUse":1,"groupPages":9,"backupWindow":16,"zones":3,"readers":1},
"nodes":{"backupEvery":"29ms","scrubEvery":"19ms","coalesceEvery":"35ms","gossipEvery":"19ms","cachePages":3,"logAhead":4096,"retryEvery":"13ms","monitorEvery":"13ms","suspectAfter":4,"idleAfter":"40ms"},
"workload":{"clients":5,"transactions":15,"accounts":4,"rows":13,"churn":200,"keyBytes":12,"valueBytes":52,"balance":700,"think":"6.37ms","timeout":"101ms",
"mix":{"transfer":7,"put":1,"multiPut":3,"delete":1,"read":5,"scan":3,"churn":9,"savepoint":4}}},
"network":{"latency":"140µs","jitter":"304µs","crossZone":"205µs","lateDelivery":true},
"disk":{"append":"4µs","sync":"822µs","replace":"727µs","jitter":"297µs","surviveRate":0.57,"effectRate":0.29,"tornRate":0.09},
"plan":{"horizon":"300ms"},
"ending":{"bound":"2s","calm":"118ms","settle":"100ms"},
"limits":{"events":400000,"time":"2m","bytes":268435456}}`

// A reader is promoted and dies at once, at every moment of its take-over. When it has won the epoch and has fenced no segment,
// the writer before it goes on until it asks the register for the next group, and is deposed then: after the faults have
// ended, when the run looked no more whether a writer lives, and the run waited in vain for one.
func TestAPromotedReaderThatDiesAtOnce(t *testing.T) {
	for delta := time.Duration(0); delta < 3*time.Millisecond; delta += 200 * time.Microsecond {
		c, err := read(strings.NewReader(growing))
		require.NoError(t, err)
		at := c.Plan.Horizon - faults.Duration(10*time.Millisecond)
		c.Plan.Faults = []faults.Fault{
			{Kind: faults.Promote, At: at, Nodes: []string{"reader 1"}},
			{Kind: faults.Crash, At: at + faults.Duration(delta), For: faults.Duration(5 * time.Millisecond), Nodes: []string{"reader 1"}},
		}
		r := run(c)
		require.Equal(t, judge.Pass, r.Verdict, "dies after %v: %v", delta, r.Findings)
		require.EqualValues(t, 1, r.Counts.World.Promotions)
	}
}
