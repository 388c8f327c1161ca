// Package check searches every behaviour of a small model.
//
// The search is breadth-first, on all cores, and exact: it finds each reachable state once, evaluates every
// invariant in it, and when one fails it returns a shortest counterexample, the same one at any number of
// workers. With every result comes a receipt: what was searched, what was reduced, how often each action was
// taken, and how likely it is that a state was missed.
//
// # A model of your own
//
// Take a Plain. Its type parameter is the state, a struct of exported fields of fixed size: bools, sized integers, arrays
// and structs of these. What is left out of it, such as which messages are under way, cannot go wrong; what is in it and
// does not matter makes the search longer. Then say, with functions of a state:
//
//   - Moves: what may happen. Next checks its guard first and yields each state that the move leads to, with its arguments.
//     There are no fairness, probability or time in it: a step that may happen now may as well happen later, or never. A
//     lost message is one that is never delivered, a slow process is one that does not move, and a crash is a move.
//   - Must: what holds in every state, with what it promises.
//   - Within: a state constraint, where the states would have no end otherwise. It counts as TLC's CONSTRAINT does.
//   - Reach: what must happen in some behaviour, so that Must does not hold for want of trying. A search that has not met it
//     does not pass.
//   - Progress and Fair: what must happen in every behaviour in the end, provided that the instances of moves which Fair
//     names are not put off forever while they are possible. These are decided exactly, on the whole graph.
//   - Same: which states are interchangeable, such as those that differ in the names of replicas. It must return the same
//     state for all of them, and the others must not tell them apart. Progress is decided without it.
//
// Search decides the model. The example shows a lock service, and that breaking it is noticed. A good model comes with
// its broken variants too: a check that has never caught anything has not been checked.
//
// Two things to know of a state. Its fields are copied at each step, so keep it small. And every function must depend on the
// state alone: no maps in random order, no clock, no chance; or else states that were found will not be found again. Moves are
// asked twice in a sample of the states, and one that answers otherwise the second time is refused with a
// NotDeterministicError. A function that panics ends the search with a PanicError, which has the state and the move.
//
// A model without Must and without Progress is refused with a NoPropertyError, since it could only pass, and one
// with two moves of one name with a DuplicateActionError.
//
// # What a result says
//
// Pass means that every reachable state was seen, every invariant holds, every situation of Reach was met and all progress is
// made. Violation comes with a Trace, and for progress with the Lasso in which it goes on forever. Incomplete is all else:
// the time, the memory or the depth ran out, or random walks were taken in place of a search.
//
// A search keeps 7 to 8 bytes of a state when there are millions, and no predecessors. With a violation it searches the levels up to that
// once more, with links: the way there has, before each state, the one of its predecessors with the smallest fingerprint, so that it is the same
// at any number of workers.
//
// # Fewer steps
//
// Steps that commute are taken in every order by a search of all steps. A Reducible model declares persistent sets: in a state
// where one is declared, the search takes the steps of that set alone (partial-order reduction). A reduced search ends with the
// verdict of the whole one when, in every state s that is reached through states in which all invariants hold,
//
//  1. a declared set T has a step, and every step of it is possible in s;
//  2. for each other step a that is possible in s, unless it leads to the same state as one of T: T is declared after a; every step t
//     of T is possible after a; and after t, a or another step leads to the same state as t after a, or a to a violation;
//  3. where such an a leads to a violation, some step leads to one after some t of T;
//  4. no behaviour comes back to a state;
//  5. where no set is taken, a step is left out only if another one that is taken leads to the same state.
//
// The second makes T persistent in the sense of Godefroid (Partial-Order Methods for the Verification of Concurrent Systems, 1996;
// Valmari's stubborn sets, 1989, and Peled's ample sets, 1993, are kin). The third takes the place of Peled's condition that steps be
// invisible: a step may make a true invariant false, but not hide a false one. Proof, by induction on how long the longest
// behaviour from s is, which is finite by (4): let w be a way from s to a violation, through states without one. If no step of T is in
// w, nor one that leads to the same state, then T is declared in all states of w but the last by (2). By (3) there is a t of T with
// a violation one step after it in the last of these; by (2), again and again, that state is also reached from the one after t
// in s. If w has such a step, (2) moves it to the front. Either way a violation is reached from the state after a step of T, from
// where longest behaviours are shorter. In the case of (5) w begins with a step that is taken, or can begin so.
//
// What a cycle would spoil, that a step is put off forever, is ruled out by (4). Without it a search in breadth needs a proviso that
// looks at the queue (Bošnački and Holzmann, Improving Spin's Partial-Order Reduction for Breadth-First Search, 2005; Lluch-Lafuente,
// Edelkamp and Leue, Partial Order Reduction in Directed Model Checking, 2002), and what is found would depend on it. Sleep sets
// (Godefroid and Wolper, 1991) are not used: they leave out steps and no states, and with a set of visited states they must keep one
// for each state, as the intersection over all ways to it.
//
// VerifyReduction evaluates the five conditions by brute force in small worlds. That they hold in all worlds is proved beside the
// declaration. With a violation the model is searched again with all steps, so that a counterexample is still a shortest one. Progress,
// walks, bounded searches and models with witnesses take all steps. So does Options.NoReduction, as comparing with TLC needs it.
//
// Thoroughness says how much of the world that was, of how much: all of it after a search that came to its end, and the share of states and
// transitions that walks came through where the world can be enumerated. Seen counts the same for traces that a program steps
// through a model.
//
// # Beyond one model
//
// A Subject is a model with named worlds, broken variants and what is expected of each, as the command line offers it; Try
// holds a world against that. Counterexample and RandomBehaviour make a Behaviour, which is written as text, JSON, ITF or for
// Graphviz; WriteGraph draws all states of a tiny world. WriteTwin and RunTLC ask TLC about the same world of a twin in TLA+.
//
// A Plain whose worlds have a few hundred thousand states becomes a Coded: it brings an encoding of its own. A model whose states are
// large, or whose search must be fast, implements Model and Machine instead: one mutable state for each worker, steps that are
// taken and taken back, and an encoding of its own.
//
// Use TLC instead when an author's property is a temporal formula beyond Leads, and package harness when an engineer has
// code and not a model of it.
package check
