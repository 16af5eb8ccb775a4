/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver and /dev/secmmu0, taken away and given back by the case itself. */
#ifndef GUEST_BUS_H
#define GUEST_BUS_H

/* The device's address on the bus; first called while it is bound. */
const char *bus_address(void);
void bus_unbind(void);
/* Returns when the node is there. */
void bus_bind(void);
/* devtmpfs makes the node in a thread of its own. */
void await_node(void);

/*
 * rmmod, as soon as the last file is closed. That may be a moment after its
 * process has ended: the doorbell's mapping goes with the mm, of which a fault
 * that is being served has a hold.
 */
void unload_module(void);
/* insmod; returns when the node is there. */
void load_module(void);

#endif /* GUEST_BUS_H */
