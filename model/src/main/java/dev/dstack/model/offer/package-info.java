/** Offers of capacity and the requirements they are matched with. */
@NullMarked
package dev.dstack.model.offer;

import org.jspecify.annotations.NullMarked;
