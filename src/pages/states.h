/* How things stand, as badges say it: `with' of CELL_BADGE columns. */
#ifndef PAGES_STATES_H
#define PAGES_STATES_H

#define LICENSE_STATES							\
	"active=good=Active|in_grace=warn=In grace|expired=quiet=Expired|" \
	"suspended=warn=Suspended|revoked=bad=Revoked"
#define INVOICE_STATES							\
	"pending=warn=Pending|settled=good=Settled|expired=quiet=Expired|" \
	"invalid=bad=Invalid"
#define SUBSCRIPTION_STATES						\
	"active=good=Active|past_due=warn=Past due|"			\
	"cancelled=quiet=Cancelled|lapsed=bad=Lapsed"
#define MACHINE_STATES	"true=good=In use|false=quiet=Released"
#define PROVIDER_KINDS							\
	"btcpay=quiet=BTCPay Server|zaprite=quiet=Zaprite|sandbox=warn=Play money"

#endif
