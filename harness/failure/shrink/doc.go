// Package shrink makes a failing run smaller: it takes out faults, transactions, requests, clients, nodes and features, makes delays and
// losses ordinary and the run shorter, and makes the run again at each step. A step is kept where the run still fails by the same
// check and the same rule of it: a run that fails by another rule is another failure.
//
// The result is 1-minimal where the budget allows: no single fault, request, transaction, client or node can go.
//
// Use package failure instead when an engineer wants the recorded run as it was, again.
package shrink
